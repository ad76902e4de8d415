#include "server/http_access.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "dicom/address_range.h"
#include "server/error.h"
#include "server/hash.h"

namespace metserve::server {
namespace {

constexpr std::size_t shortest_token = 16;
constexpr std::string_view scheme = "Bearer ";

struct Entry {
  std::string name, token;
};

/// Throws Error(bad_call) for a line that is wrong, and where there is none.
std::vector<Entry> entries(const std::filesystem::path& file) {
  std::vector<Entry> entries;
  std::ifstream stream(file);
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    std::istringstream words(line);
    std::string name, token, more;
    words >> name >> token >> more;
    if (name.empty() || name.front() == '#') continue;
    if (token.size() < shortest_token || !more.empty()) {
      throw Error(Error::Kind::bad_call, file.string() + ":" + std::to_string(number) +
                                             ": must be a name and a token of at least 16 characters");
    }
    entries.push_back({name, token});
  }
  if (entries.empty())
    throw Error(Error::Kind::bad_call,
                file.string() + ": holds no token, or cannot be read: nobody could ask");
  return entries;
}

}  // namespace

std::string first_authorization(const std::filesystem::path& token_file) {
  return std::string(scheme) + entries(token_file).front().token;
}

HttpAccess::HttpAccess(std::filesystem::path token_file)
    : file_(std::move(token_file)), users_(read(file_)) {}

HttpAccess::Users HttpAccess::read(const std::filesystem::path& file) {
  Users users;
  if (file.empty()) return users;
  for (const Entry& entry : entries(file)) {
    const auto& name = users.emplace(sha256_hex(entry.token), entry.name).first->second;
    if (name != entry.name)
      throw Error(Error::Kind::bad_call, file.string() + ": " + name + " and " + entry.name +
                                             " have the same token: nobody could tell them apart");
  }
  return users;
}

void HttpAccess::reload() {
  auto users = read(file_);
  const std::scoped_lock lock(mutex_);
  users_ = std::move(users);
}

std::optional<std::string> HttpAccess::user(std::string_view authorization) const {
  if (file_.empty()) return "anybody";
  if (!authorization.starts_with(scheme)) return std::nullopt;
  // Compared by their hashes, the time that it takes says nothing of the tokens.
  const std::string hash = sha256_hex(authorization.substr(scheme.size()));
  const std::scoped_lock lock(mutex_);
  const auto found = users_.find(hash);
  if (found == users_.end()) return std::nullopt;
  return found->second;
}

bool HttpAccess::answers_to(std::string_view host) const {
  if (!file_.empty()) return true;
  const std::size_t colon = host.rfind(':');
  const bool has_port = colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos;
  std::string name(host.substr(0, has_port ? colon : std::string_view::npos));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  if (name == "localhost" || name == "[::1]") return true;
  static const dicom::AddressRange loopback("127.0.0.0/8");
  return loopback.contains(name);
}

HttpResponse guarded(const HttpRequest& request, const HttpAccess& access, Audit& audit,
                     const std::function<HttpResponse(const HttpRequest&)>& handle) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (path == "/healthz" || path == "/readyz") return handle(request);
  const auto refuse = [&](unsigned status, const std::string& why) {
    audit.looked("", request, status);
    return HttpResponse{status, "application/json", "{\"error\": \"" + why + "\"}\n"};
  };
  if (!access.answers_to(request.host))
    return refuse(403, "the Host header names another machine: ask for localhost, or set http.token_file");
  const auto user = access.user(request.authorization);
  if (!user) return refuse(401, "a token is needed: Authorization: Bearer TOKEN");
  HttpResponse response = handle(request);
  if (path.starts_with("/studies")) audit.looked(*user, request, response.status);
  return response;
}

}  // namespace metserve::server
