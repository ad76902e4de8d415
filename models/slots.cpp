#include "models/slots.h"

#include <algorithm>

namespace metserve::models {

std::optional<Slot> slot_from_id(std::string_view id) {
  const auto found = std::find(slot_ids.begin(), slot_ids.end(), id);
  if (found == slot_ids.end()) return std::nullopt;
  return all_slots[static_cast<std::size_t>(found - slot_ids.begin())];
}

std::vector<std::string> ids(SlotSet slots) {
  std::vector<std::string> result;
  for (Slot slot : all_slots)
    if (slots.test(index(slot))) result.emplace_back(id(slot));
  return result;
}

std::string key(SlotSet slots) {
  std::string result;
  for (const std::string& id : ids(slots)) result += (result.empty() ? "" : "+") + id;
  return result;
}

std::string names(SlotSet slots, std::string_view separator) {
  std::string result;
  for (const Slot slot : all_slots)
    if (slots.test(index(slot))) result.append(result.empty() ? "" : separator).append(name(slot));
  return result;
}

}  // namespace metserve::models
