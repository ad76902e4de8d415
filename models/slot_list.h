#pragma once

#include <string>
#include <vector>

#include "models/slots.h"

namespace metserve::models {

/// Throws Error(bad_input) that names the first unknown id and those there are.
SlotSet slots_from_ids(const std::vector<std::string>& ids);

/// All sequences, and all but each one.
std::vector<SlotSet> full_and_one_missing();
/// The fifteen non-empty subsets.
std::vector<SlotSet> all_subsets();

/// Of one or several words with commas, each subset once: "full" (all four), "without-" and the id of a
/// sequence, "one-missing" (all four and each one missing), "all", or the ids of a subset with plus signs
/// between them ("t1_se_post+flair"). Throws Error(bad_input) for anything else.
std::vector<SlotSet> subsets_named(const std::string& words);

}  // namespace metserve::models
