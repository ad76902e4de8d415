#include "server/studies_client.h"

#include <chrono>

#include <unistd.h>

#include "server/error.h"
#include "server/error_table.h"
#include "server/http_access.h"
#include "server/http_client.h"
#include "server/receiver.h"
#include "server/sqlite_store.h"

namespace metserve::server {
namespace {

/// An address that listens everywhere is asked at home.
std::string address_of(const HttpConfig& http) {
  const std::string& bind = http.bind_address;
  const std::string host = bind == "0.0.0.0" ? "127.0.0.1" : bind == "::" ? "::1" : bind;
  const bool v6 = host.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(http.port);
}

HttpResponse ask_server(const Config& config, const HttpRequest& request) {
  if (config.http.port == 0) {
    throw Error(Error::Kind::unreachable, "http.port is 0: the running server's port is not known");
  }
  HttpCall call_of_ours;
  call_of_ours.method = request.method;
  call_of_ours.url = address_of(config.http) + request.target;
  call_of_ours.through_proxy = false;  // it is on this machine, and the token stays here
  if (!config.http.token_file.empty())
    call_of_ours.headers.push_back("Authorization: " + first_authorization(config.http.token_file));
  const HttpAnswer answer = call(call_of_ours);
  return {answer.status, "application/json", answer.body};
}

HttpResponse ask_directory(const Config& config, const HttpRequest& request) {
  if (!std::filesystem::exists(config.storage.directory / "metserve.db")) {
    throw Error(Error::Kind::io, config.storage.directory.string() + ": no database there");
  }
  Storage storage(config.storage.directory, config.storage.min_free_bytes);
  SqliteStore store(storage.database_file(), [] { return std::chrono::system_clock::now(); });
  const Log log(config.log);
  Metrics metrics("", "");
  Receiver receiver(storage, store, metrics, log, config.storage.journal);  // files what is in the journal
  Audit audit(
      config.audit.file, [] { return std::chrono::system_clock::now(); }, log);
  Administration administration(
      {storage, store, config.destinations, log, audit, [&receiver] { receiver.wipe_journal(); }});
  HttpState state;
  connect_studies(state, store, administration);
  HttpRequest asked = request;
  asked.peer_address = "this machine";
  HttpResponse response = handle(asked, state);
  audit.looked("uid " + std::to_string(getuid()), asked, response.status);
  return response;
}

}  // namespace

HttpResponse ask_about_studies(const Config& config, const HttpRequest& request) {
  std::string no_server;
  try {
    return ask_server(config, request);
  } catch (const Error& error) {
    if (error.kind() != Error::Kind::unreachable) throw;
    no_server = error.what();
  }
  try {
    return ask_directory(config, request);
  } catch (const std::exception& error) {
    const auto* const ours = dynamic_cast<const Error*>(&error);
    throw Error(ours != nullptr ? ours->kind() : Error::Kind::io,
                no_server + "; and without a server: " + reason_of(error));
  }
}

}  // namespace metserve::server
