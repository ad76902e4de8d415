#include "server/store.h"

#include <array>
#include <utility>

namespace metserve::server {
namespace {

constexpr std::array<std::pair<StudyState, std::string_view>, 8> study_states{{
    {StudyState::receiving, "receiving"},
    {StudyState::ready, "ready"},
    {StudyState::running, "running"},
    {StudyState::delivering, "delivering"},
    {StudyState::done, "done"},
    {StudyState::held, "held"},
    {StudyState::skipped, "skipped"},
    {StudyState::failed, "failed"},
}};

}  // namespace

std::string_view to_string(StudyState state) {
  return study_states.at(static_cast<std::size_t>(state)).second;
}

std::optional<StudyState> study_state_from(std::string_view text) {
  for (const auto& [state, name] : study_states) {
    if (name == text) return state;
  }
  return std::nullopt;
}

std::string_view to_string(DeliveryState state) {
  switch (state) {
    case DeliveryState::pending:
      return "pending";
    case DeliveryState::delivered:
      return "delivered";
    case DeliveryState::attention:
      return "attention";
    case DeliveryState::superseded:
      break;
  }
  return "superseded";
}

std::optional<DeliveryState> delivery_state_from(std::string_view text) {
  for (const DeliveryState state : {DeliveryState::pending, DeliveryState::delivered,
                                    DeliveryState::attention, DeliveryState::superseded}) {
    if (to_string(state) == text) return state;
  }
  return std::nullopt;
}

}  // namespace metserve::server
