#pragma once

#include <filesystem>
#include <string>

#include "models/error.h"

namespace metserve::models {

[[noreturn]] inline void fail(Error::Kind kind, const std::filesystem::path& file, const std::string& what) {
  throw Error(kind, file.string() + ": " + what);
}

}  // namespace metserve::models
