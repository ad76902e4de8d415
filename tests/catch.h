#pragma once

// One door to Catch2, so that Debian's v2 and a newer v3 both do.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif
