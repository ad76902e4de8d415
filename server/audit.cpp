#include "server/audit.h"

#include <span>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>

#include "dicom/network_log.h"
#include "server/error_table.h"
#include "server/hash.h"
#include "server/http_handlers.h"
#include "server/times.h"

namespace metserve::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* activity = "Application Activity";
constexpr const char* begin_transfer = "Begin Transferring DICOM Instances";
constexpr const char* transferred = "DICOM Instances Transferred";
constexpr const char* accessed = "DICOM Instances Accessed";
constexpr const char* study_deleted = "DICOM Study Deleted";
constexpr const char* security_alert = "Security Alert";

constexpr const char* success = "success";
constexpr const char* failure = "failure";
constexpr const char* refused = "refused";

constexpr std::uint64_t alerts_a_minute = 20;     ///< of each host
constexpr std::size_t max_request_length = 1000;  ///< characters: a release names several series
constexpr unsigned first_failing_status = 400;

std::unique_ptr<FileDescriptor> open_file(const std::optional<std::filesystem::path>& file) {
  if (!file) return nullptr;
  return std::make_unique<FileDescriptor>(*file, O_WRONLY | O_CREAT | O_APPEND);
}

Json peer_json(const dicom::AssociationEvent& event) {
  Json peer{{"address", event.peer_address}};
  if (!event.calling_ae_title.empty()) peer["ae_title"] = dicom::printable(event.calling_ae_title);
  if (!event.certificate.empty()) peer["certificate"] = dicom::printable(event.certificate);
  return peer;
}

Json message(const char* event, const char* action, const char* outcome) {
  return {{"event", event}, {"action", action}, {"outcome", outcome}};
}

Json reception(const char* event, const char* action, const dicom::AssociationEvent& peer,
               const std::string& study_instance_uid) {
  Json line = message(event, action, success);
  line["who"] = peer_json(peer);
  line["association"] = peer.association;
  line["study_instance_uid"] = study_instance_uid;
  line["study"] = study_key(study_instance_uid);
  return line;
}

}  // namespace

Audit::Audit(const std::optional<std::filesystem::path>& file, dicom::Clock clock, const Log& log)
    : file_(file),
      clock_(std::move(clock)),
      log_(log),
      descriptor_(open_file(file)),
      alerts_(alerts_a_minute) {}

void Audit::reopen() {
  auto opened = open_file(file_);
  const std::scoped_lock lock(mutex_);
  descriptor_ = std::move(opened);
}

/// To be called with the mutex held.
void Audit::append(Json&& line) {
  const auto put = [this](const std::string& text) {
    descriptor_->write(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
  };
  const auto text = [this](const Json& what) {
    Json whole{{"time", iso_time(clock_())}};
    whole.update(what);
    return whole.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  };
  try {
    if (missing_ > 0) {
      Json gap = message(security_alert, "lines of this trail are missing", failure);
      gap["lines"] = missing_;
      put("\n" + text(gap));  // behind what may be the beginning of a line
      missing_ = 0;
    }
    put(text(line));
  } catch (const std::exception& error) {
    if (missing_++ == 0) log_.error("audit trail: lines are missing from now on: " + reason_of(error));
  }
}

/// Names those of whom there was more than is kept. To be called with the mutex held.
void Audit::tell(const std::vector<dicom::LineLimit::Excess>& left_out) {
  for (const auto& [host, lines] : left_out) {
    Json line = message(security_alert, "more of the same", refused);
    line["who"] = {{"address", host}};
    line["times"] = lines;
    append(std::move(line));
  }
}

void Audit::write(Json&& line) {
  const std::scoped_lock lock(mutex_);
  if (!descriptor_) return;
  tell(alerts_.end_of_minute(clock_()));
  append(std::move(line));
}

void Audit::alert(Json&& line, const std::string& address) {
  const std::scoped_lock lock(mutex_);
  if (!descriptor_) return;
  tell(alerts_.end_of_minute(clock_()));
  if (alerts_.admits(address)) append(std::move(line));
}

void Audit::started() {
  write(message(activity, "start", success));
}

void Audit::stopped() {
  write(message(activity, "stop", success));
  const std::scoped_lock lock(mutex_);
  if (descriptor_) tell(alerts_.excess());
}

void Audit::received(std::uint64_t association, const std::string& study_instance_uid) {
  dicom::AssociationEvent peer;
  {
    const std::scoped_lock lock(mutex_);
    Open& open = open_[association];
    if (++open.images[study_instance_uid] > 1) return;
    peer = open.peer;
  }
  write(reception(begin_transfer, "receiving", peer, study_instance_uid));
}

void Audit::association(const dicom::AssociationEvent& event) {
  using Kind = dicom::AssociationEvent::Kind;
  if (event.kind == Kind::rejected) {
    Json line = message(security_alert, "association", refused);
    line["who"] = peer_json(event);
    line["reason"] = event.reason;
    return alert(std::move(line), event.peer_address);
  }
  std::map<std::string, int> studies;
  {
    const std::scoped_lock lock(mutex_);
    if (event.kind == Kind::opened) open_[event.association].peer = event;
    if (event.kind == Kind::closed) studies = std::move(open_[event.association].images);
    if (event.kind == Kind::closed) open_.erase(event.association);
  }
  for (const auto& [uid, images] : studies) {
    Json line = reception(transferred, "received", event, uid);
    line["images"] = images;
    write(std::move(line));
  }
}

void Audit::delivered(const std::string& study_key, const std::string& object,
                      const std::string& destination) {
  Json line = message(transferred, "sent", success);
  line["to"] = destination;
  line["study"] = study_key;
  line["object"] = object;
  write(std::move(line));
}

void Audit::deleted(const std::string& study_key, std::string_view why) {
  Json line = message(study_deleted, "deleted", success);
  line["study"] = study_key;
  line["reason"] = why;
  write(std::move(line));
}

void Audit::looked(const std::string& user, const HttpRequest& request, unsigned status) {
  const bool allowed = !user.empty();
  const char* const outcome = !allowed ? refused : status < first_failing_status ? success : failure;
  Json line = message(allowed ? accessed : security_alert, "http", outcome);
  line["who"] = {{"address", request.peer_address}};
  if (allowed) line["who"]["user"] = user;
  line["request"] = request.method + " " + dicom::printable(request.target, max_request_length);
  line["status"] = status;
  if (allowed) return write(std::move(line));
  alert(std::move(line), request.peer_address);
}

}  // namespace metserve::server
