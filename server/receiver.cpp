#include "server/receiver.h"

#include <utility>

#include "server/error_table.h"
#include "server/hash.h"

namespace metserve::server {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::uint64_t lines_a_minute = 200;  // about images of each host

}  // namespace

Receiver::Receiver(Storage& storage, Store& store, Metrics& metrics, const Log& log,
                   const JournalOptions& journal)
    : storage_(storage),
      store_(store),
      metrics_(metrics),
      log_(log),
      lines_(lines_a_minute),
      journal_(storage.journal_directory(), journal),
      filer_(journal_, storage, store, failure_, log,
             [this](const InstanceRecord& image, AddOutcome outcome) { filed(image, outcome); }),
      committer_(journal_, filer_, failure_,
                 [&metrics](std::size_t images, std::chrono::duration<double> duration) {
                   metrics.commit(images, duration);
                 }) {}

dicom::StoreStatus Receiver::receive(dicom::ReceivedInstance&& image) {
  const std::string study = image.study_instance_uid, sender = image.calling_ae_title,
                    address = image.peer_address;
  try {
    keep(std::move(image));
    return dicom::StoreStatus::success;
  } catch (const std::exception& error) {
    const ErrorHandling& how = handling(error);
    // Not for what is wrong with the image itself: one that comes again and again would hold up every study.
    if (how.kind == ErrorKind::out_of_resources || how.kind == ErrorKind::io) able_since_ = Steady::now();
    log_about(how.log_level, "an image from " + sender + " is refused: " + reason_of(error), study, address);
    return how.store_status;
  }
}

void Receiver::require_able() const {
  failure_.require_none();
  filer_.require_none_waiting();
  storage_.require_space(journal_.unfiled_bytes());
}

Steady::time_point Receiver::able_since() {
  try {
    require_able();
  } catch (const std::exception&) {
    able_since_ = Steady::now();
  }
  return able_since_;
}

void Receiver::keep(dicom::ReceivedInstance&& image) {
  JournalEntry entry;
  entry.record.digest = content_digest(dataset_bytes(image.part10));
  entry.record.bytes = image.part10.size();
  entry.record.study_instance_uid = std::move(image.study_instance_uid);
  entry.record.series_instance_uid = std::move(image.series_instance_uid);
  entry.record.sop_class_uid = std::move(image.sop_class_uid);
  entry.record.sop_instance_uid = std::move(image.sop_instance_uid);
  entry.record.transfer_syntax_uid = std::move(image.transfer_syntax_uid);
  entry.record.modality = std::move(image.modality);
  entry.record.calling_ae_title = std::move(image.calling_ae_title);
  entry.record.peer_address = std::move(image.peer_address);
  entry.part10 = std::move(image.part10);
  if (const auto known = store_.known(entry.record.sop_instance_uid, entry.record.digest)) {
    return filed(entry.record, *known);
  }
  storage_.require_space(entry.part10.size() + journal_.unfiled_bytes());
  committer_.commit(std::move(entry));
}

void Receiver::filed(const InstanceRecord& image, AddOutcome outcome) {
  metrics_.image(outcome);
  if (outcome != AddOutcome::conflict) return;
  log_about(LogLevel::warning,
            "an image from " + image.calling_ae_title +
                " has other bytes than the one stored under its SOP Instance UID; "
                "the first stays in use, this one is kept apart",
            image.study_instance_uid, image.peer_address);
}

/// A sender that repeats what is refused must not fill the disk with it.
void Receiver::log_about(LogLevel level, const std::string& line, const std::string& study,
                         const std::string& peer_address) {
  const std::scoped_lock lock(lines_mutex_);
  for (const auto& [host, lines] : lines_.end_of_minute(std::chrono::system_clock::now()))
    log_.warning(std::to_string(lines) + " more about images from " + host +
                 " within a minute, left out of this log");
  if (lines_.admits(peer_address)) log_.write(level, line, study_key(study));
}

}  // namespace metserve::server
