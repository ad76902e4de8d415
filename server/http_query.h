#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace metserve::server {

/// Values by name; those of the same name in the order that they came in.
using HttpParameters = std::multimap<std::string, std::string>;

/// The parameters of "a=b&c=d", percent-decoded. Throws Error(bad_call) for one that is none of `known` or
/// has no value: an order that is only understood in part must not be carried out.
HttpParameters parameters_of(std::string_view query, const std::vector<std::string>& known);

/// Empty when there is none of that name. Throws Error(bad_call) when there are several.
std::string value_of(const HttpParameters& parameters, const std::string& name);

}  // namespace metserve::server
