#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace metserve::server {

/// Edits (insert, delete, replace, swap of neighbours) that turn one name into the other.
std::size_t edit_distance(std::string_view from, std::string_view to);

/// "; did you mean 'port'?" when one of `valid` is near enough to be a slip of the pen, else
/// "; valid are a, b, c".
std::string suggestion(std::string_view name, const std::vector<std::string>& valid);

}  // namespace metserve::server
