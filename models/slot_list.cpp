#include "models/slot_list.h"

#include "models/error.h"

namespace metserve::models {

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

}  // namespace metserve::models
