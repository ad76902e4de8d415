#include "models/slot_list.h"

#include <algorithm>
#include <sstream>

#include "models/error.h"

namespace metserve::models {
namespace {

std::vector<SlotSet> subsets_of_word(const std::string& word) {
  const std::string without = "without-";
  if (word == "full") return {SlotSet().set()};
  if (word == "one-missing") return full_and_one_missing();
  if (word == "all") return all_subsets();
  if (word.starts_with(without)) return {~slots_from_ids({word.substr(without.size())})};
  SlotSet subset;
  std::istringstream ids(word + "+");
  for (std::string id; std::getline(ids, id, '+');) {
    const auto slot = slot_from_id(id);
    if (!slot)
      throw Error(Error::Kind::bad_input,
                  "subsets '" + word +
                      "' are unknown: use full, without-SEQUENCE, one-missing, all or SEQUENCE+SEQUENCE");
    subset.set(index(*slot));
  }
  return {subset};
}

}  // namespace

SlotSet slots_from_ids(const std::vector<std::string>& ids) {
  SlotSet slots;
  for (const std::string& id : ids) {
    const auto slot = slot_from_id(id);
    if (!slot)
      throw Error(Error::Kind::bad_input,
                  "slot '" + id + "' is unknown: use t1_gre_post, t1_se_pre, t1_se_post or flair");
    slots.set(index(*slot));
  }
  return slots;
}

std::vector<SlotSet> full_and_one_missing() {
  std::vector<SlotSet> subsets{SlotSet().set()};
  for (Slot slot : all_slots) subsets.push_back(SlotSet().set().reset(index(slot)));
  return subsets;
}

std::vector<SlotSet> all_subsets() {
  std::vector<SlotSet> subsets;
  for (unsigned long bits = (1UL << slot_count) - 1; bits > 0; --bits) subsets.emplace_back(bits);
  return subsets;
}

std::vector<SlotSet> subsets_named(const std::string& words) {
  std::vector<SlotSet> subsets;
  std::istringstream list(words + ",");  // the comma: getline gives a last empty word, too
  for (std::string word; std::getline(list, word, ',');)
    for (const SlotSet& subset : subsets_of_word(word))
      if (std::ranges::find(subsets, subset) == subsets.end()) subsets.push_back(subset);
  return subsets;
}

}  // namespace metserve::models
