#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace metserve::models {

/// The four MR sequences, in the channel order of every network.
enum class Slot : std::size_t { t1_gre_post = 0, t1_se_pre = 1, t1_se_post = 2, flair = 3 };

inline constexpr std::size_t slot_count = 4;
inline constexpr std::array<Slot, slot_count> all_slots{Slot::t1_gre_post, Slot::t1_se_pre, Slot::t1_se_post,
                                                        Slot::flair};
inline constexpr std::array<std::string_view, slot_count> slot_ids{"t1_gre_post", "t1_se_pre", "t1_se_post",
                                                                   "flair"};
inline constexpr std::array<std::string_view, slot_count> slot_names{"BRAVO", "CUBE pre", "CUBE post",
                                                                     "FLAIR"};

/// Which sequences are there; bit i is all_slots[i].
using SlotSet = std::bitset<slot_count>;

constexpr std::size_t index(Slot slot) {
  return static_cast<std::size_t>(slot);
}
constexpr std::string_view id(Slot slot) {
  return slot_ids[index(slot)];
}
constexpr std::string_view name(Slot slot) {
  return slot_names[index(slot)];
}

std::optional<Slot> slot_from_id(std::string_view id);

/// The ids of the slots in the set, in channel order.
std::vector<std::string> ids(SlotSet slots);
/// The ids joined with '+': what a subset is called in manifests and tables.
std::string key(SlotSet slots);
/// The names for people, in channel order; empty for none.
std::string names(SlotSet slots, std::string_view separator = " + ");

}  // namespace metserve::models
