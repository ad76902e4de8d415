#include "server/nearest_name.h"

#include <algorithm>
#include <cstddef>

namespace metserve::server {

std::size_t edit_distance(std::string_view from, std::string_view to) {
  // Optimal string alignment: three rows of the Levenshtein table, the oldest one for swaps.
  std::vector<std::size_t> older(to.size() + 1), old(to.size() + 1), now(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) old[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replace = old[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      now[j] = std::min({old[j] + 1, now[j - 1] + 1, replace});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) now[j] = std::min(now[j], older[j - 2] + 1);
    }
    std::swap(older, old);
    std::swap(old, now);
  }
  return old[to.size()];
}

std::string suggestion(std::string_view name, const std::vector<std::string>& valid) {
  const auto nearest = std::min_element(valid.begin(), valid.end(), [&](const auto& a, const auto& b) {
    return edit_distance(name, a) < edit_distance(name, b);
  });
  if (nearest == valid.end()) return {};
  const std::size_t near_enough = std::max<std::size_t>(2, nearest->size() / 3);
  if (edit_distance(name, *nearest) <= near_enough) return "; did you mean '" + *nearest + "'?";
  std::string all = "; valid are ";
  for (const std::string& one : valid) all += (&one == &valid.front() ? "" : ", ") + one;
  return all;
}

}  // namespace metserve::server
