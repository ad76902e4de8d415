#include "server/http_access.h"

#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

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

HttpResponse guarded(const HttpRequest& request, const HttpAccess& access, Audit& audit,
                     const std::function<HttpResponse(const HttpRequest&)>& handle) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (path == "/healthz" || path == "/readyz") return handle(request);
  const auto user = access.user(request.authorization);
  if (!user || path.starts_with("/studies"))
    audit.looked(user.value_or(""), request.peer_address, request.method, request.target);
  if (!user)
    return {401, "application/json", "{\"error\": \"a token is needed: Authorization: Bearer TOKEN\"}\n"};
  return handle(request);
}

}  // namespace metserve::server
