#include "server/receiver.h"

#include <utility>

#include "server/error_table.h"
#include "server/hash.h"

namespace metserve::server {

Receiver::Receiver(Storage& storage, Store& store, Metrics& metrics, const Log& log)
    : storage_(storage),
      store_(store),
      metrics_(metrics),
      log_(log),
      committer_(storage, store, [&metrics](std::size_t images, std::chrono::duration<double> duration) {
        metrics.commit(images, duration);
      }) {}

dicom::StoreStatus Receiver::receive(dicom::ReceivedInstance&& image) {
  const std::string key = study_key(image.study_instance_uid);
  const std::string sender = image.calling_ae_title;
  try {
    const AddOutcome outcome = keep(std::move(image));
    metrics_.image(outcome);
    if (outcome == AddOutcome::conflict) {
      log_.warning("an image from " + sender +
                       " has other bytes than the one stored under its SOP Instance UID; "
                       "the first stays in use, this one is kept apart",
                   key);
    }
    return dicom::StoreStatus::success;
  } catch (const std::exception& error) {
    const ErrorHandling& how = handling(error);
    log_.write(how.log_level, "an image from " + sender + " is refused: " + reason_of(error), key);
    return how.store_status;
  }
}

AddOutcome Receiver::keep(dicom::ReceivedInstance&& image) {
  InstanceRecord record;
  record.sha256 = sha256_hex(dataset_bytes(image.part10));
  if (const auto known = store_.known(image.sop_instance_uid, record.sha256)) return *known;

  storage_.require_space(image.part10.size());
  const auto hold = storage_.hold();
  record.file =
      storage_.put_image(image.study_instance_uid, image.sop_instance_uid, record.sha256, image.part10);
  record.bytes = image.part10.size();
  record.study_instance_uid = std::move(image.study_instance_uid);
  record.series_instance_uid = std::move(image.series_instance_uid);
  record.sop_class_uid = std::move(image.sop_class_uid);
  record.sop_instance_uid = std::move(image.sop_instance_uid);
  record.transfer_syntax_uid = std::move(image.transfer_syntax_uid);
  record.modality = std::move(image.modality);
  record.calling_ae_title = std::move(image.calling_ae_title);
  record.peer_address = std::move(image.peer_address);
  return committer_.commit(std::move(record));
}

}  // namespace metserve::server
