#include "server/administration.h"

#include <algorithm>
#include <utility>

#include "server/error.h"

namespace metserve::server {

Administration::Administration(AdministrationContext context) : context_(std::move(context)) {}

void Administration::retry(const std::string& key) {
  context_.store.retry_study(key);
  context_.log.info("again, by a person", key);
  context_.on_ready();
}

void Administration::release(const std::string& key, const SeriesDecisions& decisions) {
  context_.store.release_study(key, decisions);
  context_.log.info("released by a person", key);
  context_.on_ready();
}

void Administration::resend(const std::string& key, const std::string& destination) {
  const bool known = std::any_of(context_.destinations.begin(), context_.destinations.end(),
                                 [&](const DestinationConfig& one) { return one.name == destination; });
  if (!destination.empty() && !known) {
    throw Error(Error::Kind::bad_call, "there is no destination '" + destination + "' in the configuration");
  }
  context_.store.resend_study(key, destination);
  context_.log.info("results again, by a person", key);
  context_.on_due();
}

void Administration::remove(const std::string& key) {
  bool removed = false;
  context_.storage.discard(key, [&] {
    context_.store.remove_study(key);
    removed = true;
    return true;
  });
  if (!removed) {
    throw Error(Error::Kind::out_of_resources,
                "study " + key + ": images keep coming; delete it a little later");
  }
  context_.log.info("deleted by a person", key);
  context_.audit.deleted(key, "by a person");
  context_.on_deleted();
}

}  // namespace metserve::server
