#pragma once

#include <string>
#include <vector>

#include "models/slots.h"

namespace metserve::server {

/// "t1_gre_post,flair" as slots; empty for an empty text. Throws Error(bad_call) that names `option`, the
/// unknown id and the nearest one.
std::vector<models::Slot> slots_in(const std::string& text, const std::string& option);

}  // namespace metserve::server
