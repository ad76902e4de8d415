#include "server/commands/slot_list.h"

#include <sstream>

#include <spdlog/fmt/fmt.h>

#include "server/error.h"
#include "server/nearest_name.h"

namespace metserve::server {

std::vector<models::Slot> slots_in(const std::string& text, const std::string& option) {
  std::vector<models::Slot> slots;
  std::istringstream stream(text);
  for (std::string id; std::getline(stream, id, ',');) {
    const auto slot = models::slot_from_id(id);
    if (!slot) {
      const std::string nearest = suggestion(id, models::ids(models::SlotSet().set()));
      throw Error(Error::Kind::bad_call, fmt::format("{}: unknown sequence '{}'{}", option, id, nearest));
    }
    slots.push_back(*slot);
  }
  return slots;
}

}  // namespace metserve::server
