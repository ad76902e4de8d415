#include "server/audit.h"

#include <chrono>
#include <span>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>

#include "dicom/network_log.h"
#include "server/error_table.h"
#include "server/hash.h"
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

constexpr int alerts_of_an_address = 20;         ///< in a minute
constexpr std::size_t alerting_addresses = 500;  ///< in a minute; further ones count as one

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

Json message(const char* event, const char* action, bool success) {
  return {{"event", event}, {"action", action}, {"outcome", success ? "success" : "refused"}};
}

Json reception(const char* event, const char* action, const dicom::AssociationEvent& peer,
               const std::string& study_instance_uid) {
  Json line = message(event, action, true);
  line["who"] = peer_json(peer);
  line["association"] = peer.association;
  line["study_instance_uid"] = study_instance_uid;
  line["study"] = study_key(study_instance_uid);
  return line;
}

}  // namespace

Audit::Audit(const std::optional<std::filesystem::path>& file, dicom::Clock clock, const Log& log)
    : file_(file), clock_(std::move(clock)), log_(log), descriptor_(open_file(file)) {}

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
      Json gap = message(security_alert, "lines of this trail are missing", false);
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
void Audit::close_minute() {
  for (const auto& [address, times] : std::exchange(alerts_, {})) {
    if (times <= alerts_of_an_address) continue;
    Json line = message(security_alert, "more of the same", false);
    line["who"] = {{"address", address}};
    line["times"] = times - alerts_of_an_address;
    append(std::move(line));
  }
  minute_ = clock_();
}

void Audit::write(Json&& line, const std::string& alarming_address) {
  const std::scoped_lock lock(mutex_);
  if (!descriptor_) return;
  const auto since = clock_() - minute_;
  if (since > std::chrono::minutes(1) || since < std::chrono::minutes(0)) close_minute();
  if (!alarming_address.empty()) {
    const bool has_place = alerts_.count(alarming_address) > 0 || alerts_.size() < alerting_addresses;
    if (++alerts_[has_place ? alarming_address : "others"] > alerts_of_an_address) return;
  }
  append(std::move(line));
}

void Audit::started() {
  write(message(activity, "start", true));
}

void Audit::stopped() {
  write(message(activity, "stop", true));
  const std::scoped_lock lock(mutex_);
  if (descriptor_) close_minute();
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
    Json line = message(security_alert, "association", false);
    line["who"] = peer_json(event);
    line["reason"] = event.reason;
    return write(std::move(line), event.peer_address);
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
  Json line = message(transferred, "sent", true);
  line["to"] = destination;
  line["study"] = study_key;
  line["object"] = object;
  write(std::move(line));
}

void Audit::deleted(const std::string& study_key, std::string_view why) {
  Json line = message(study_deleted, "deleted", true);
  line["study"] = study_key;
  line["reason"] = why;
  write(std::move(line));
}

void Audit::looked(const std::string& user, const std::string& address, const std::string& method,
                   const std::string& target) {
  Json line = user.empty() ? message(security_alert, "http", false) : message(accessed, "http", true);
  line["who"] = {{"address", address}};
  if (!user.empty()) line["who"]["user"] = user;
  line["request"] = method + " " + dicom::printable(target);
  write(std::move(line), user.empty() ? address : "");
}

}  // namespace metserve::server
