#pragma once

#include <string>
#include <vector>

#include "models/slots.h"

namespace metserve::models {

/// Throws Error(bad_input) that names the first unknown id and those there are.
SlotSet slots_from_ids(const std::vector<std::string>& ids);

}  // namespace metserve::models
