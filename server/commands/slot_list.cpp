#include "server/commands/slot_list.h"

#include <sstream>

#include "server/error.h"
#include "server/nearest_name.h"

namespace metserve::server {

std::vector<models::Slot> slots_in(const std::string& text, const std::string& option) {
  std::vector<models::Slot> slots;
  std::istringstream stream(text);
  for (std::string id; std::getline(stream, id, ',');) {
    const auto slot = models::slot_from_id(id);
    if (!slot) {
      throw Error(Error::Kind::bad_call, option + ": unknown sequence '" + id + "'" +
                                             suggestion(id, models::ids(models::SlotSet().set())));
    }
    slots.push_back(*slot);
  }
  return slots;
}

}  // namespace metserve::server
