#include "server/http_query.h"

#include <algorithm>
#include <memory>
#include <new>
#include <sstream>

#include <curl/curl.h>

#include "server/error.h"
#include "server/nearest_name.h"

namespace metserve::server {
namespace {

std::string percent_decoded(const std::string& text) {
  int bytes = 0;
  const std::unique_ptr<char, decltype(&curl_free)> decoded(
      curl_easy_unescape(nullptr, text.c_str(), static_cast<int>(text.size()), &bytes), curl_free);
  if (!decoded) throw std::bad_alloc();
  return {decoded.get(), static_cast<std::size_t>(bytes)};
}

}  // namespace

HttpParameters parameters_of(std::string_view query, const std::vector<std::string>& known) {
  HttpParameters parameters;
  std::istringstream pairs{std::string(query)};
  for (std::string pair; std::getline(pairs, pair, '&');) {
    const std::size_t equals = pair.find('=');
    const std::string name = percent_decoded(pair.substr(0, equals));
    const std::string value = equals == std::string::npos ? "" : percent_decoded(pair.substr(equals + 1));
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw Error(Error::Kind::bad_call, "unknown parameter '" + name + "'" + suggestion(name, known));
    if (value.empty()) throw Error(Error::Kind::bad_call, "parameter '" + name + "' has no value");
    parameters.emplace(name, value);
  }
  return parameters;
}

std::string value_of(const HttpParameters& parameters, const std::string& name) {
  if (parameters.count(name) > 1)
    throw Error(Error::Kind::bad_call, "parameter '" + name + "' is given more than once");
  const auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

}  // namespace metserve::server
