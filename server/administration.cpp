#include "server/administration.h"

#include <exception>
#include <string>
#include <utility>
#include <vector>

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
  std::vector<std::string> names;
  for (const DestinationConfig& one : context_.destinations)
    if (destination.empty() || one.name == destination) names.push_back(one.name);
  if (!destination.empty() && names.empty()) {
    throw Error(Error::Kind::bad_call, "there is no destination '" + destination + "' in the configuration");
  }
  context_.store.resend_study(key, names);
  context_.log.info("results again, by a person", key);
  context_.on_due();
}

void Administration::remove(const std::string& key) {
  bool removed = false;
  try {
    context_.storage.discard(key, [&] {
      context_.store.remove_study(key);
      context_.log.info("deleted by a person", key);
      context_.audit.deleted(key, "by a person");
      return removed = true;
    });
  } catch (const std::exception&) {
    if (removed) context_.on_deleted();
    throw;
  }
  if (!removed) {
    throw Error(Error::Kind::out_of_resources,
                "study " + key + ": images keep coming; delete it a little later");
  }
  context_.on_deleted();
}

}  // namespace metserve::server
