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

constexpr std::array<std::pair<DeliveryState, std::string_view>, 5> delivery_states{{
    {DeliveryState::pending, "pending"},
    {DeliveryState::stored, "stored"},
    {DeliveryState::delivered, "delivered"},
    {DeliveryState::attention, "attention"},
    {DeliveryState::superseded, "superseded"},
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
  return delivery_states.at(static_cast<std::size_t>(state)).second;
}

std::optional<DeliveryState> delivery_state_from(std::string_view text) {
  for (const auto& [state, name] : delivery_states) {
    if (name == text) return state;
  }
  return std::nullopt;
}

}  // namespace metserve::server
