#include "dicom/storage_commitment.h"

#include <array>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dctk.h>

#include "dicom/error.h"
#include "dicom/part10.h"
#include "dicom/store_scu_association.h"
#include "dicom/store_status.h"

namespace metserve::dicom {
namespace {

constexpr std::uint16_t request_storage_commitment = 1;  ///< action type

DcmDataset action_information(const std::string& transaction_uid,
                              const std::vector<SopReference>& instances) {
  DcmDataset dataset;
  dataset.putAndInsertString(DCM_TransactionUID, transaction_uid.c_str());
  for (const SopReference& instance : instances) {
    DcmItem* item = nullptr;
    dataset.findOrCreateSequenceItem(DCM_ReferencedSOPSequence, item, -2);  // -2: a new one
    item->putAndInsertString(DCM_ReferencedSOPClassUID, instance.sop_class_uid.c_str());
    item->putAndInsertString(DCM_ReferencedSOPInstanceUID, instance.sop_instance_uid.c_str());
  }
  return dataset;
}

std::string uid_in(DcmItem& item, const DcmTagKey& tag) {
  OFString value;
  item.findAndGetOFString(tag, value);
  std::string uid = without_padding(value.c_str());
  if (!is_valid_uid(uid)) {
    throw Error(Error::Kind::bad_input, "a storage commitment report without a UID it must have");
  }
  return uid;
}

template <class Visit>
void for_each_item(DcmDataset& dataset, const DcmTagKey& tag, Visit visit) {
  DcmSequenceOfItems* sequence = nullptr;
  if (dataset.findAndGetSequence(tag, sequence).bad()) return;
  for (unsigned long i = 0; i < sequence->card(); ++i) visit(*sequence->getItem(i));
}

}  // namespace

void request_commitment(const Peer& peer, const std::string& transaction_uid,
                        const std::vector<SopReference>& instances) {
  OutgoingAssociation association(
      peer, {{UID_StorageCommitmentPushModelSOPClass, UID_LittleEndianExplicitTransferSyntax},
             {UID_StorageCommitmentPushModelSOPClass, UID_LittleEndianImplicitTransferSyntax}});
  DcmDataset information = action_information(transaction_uid, instances);
  const std::uint16_t status =
      association.action({UID_StorageCommitmentPushModelSOPClass, UID_StorageCommitmentPushModelSOPInstance},
                         request_storage_commitment, information);
  const auto outcome = outcome_of(status);
  if (outcome == SendResult::Outcome::delivered) return;
  throw Error(
      outcome == SendResult::Outcome::transient ? Error::Kind::peer_transient : Error::Kind::peer_permanent,
      peer.called_ae_title + ": asked for storage commitment, it answers " + text_of(status));
}

CommitmentReport read_commitment_report(std::span<const std::uint8_t> dataset,
                                        std::string_view transfer_syntax_uid) {
  constexpr std::array<std::uint32_t, 0> nothing{};
  scan_dataset(dataset, transfer_syntax_uid, nothing);  // what passes cannot harm DCMTK's parser
  DcmInputBufferStream stream;
  stream.setBuffer(dataset.data(), static_cast<offile_off_t>(dataset.size()));
  stream.setEos();
  DcmDataset parsed;
  parsed.transferInit();
  const auto condition = parsed.read(stream, DcmXfer(std::string(transfer_syntax_uid).c_str()).getXfer());
  parsed.transferEnd();
  if (condition.bad()) {
    throw Error(Error::Kind::bad_input, std::string("a storage commitment report: ") + condition.text());
  }
  CommitmentReport report;
  report.transaction_uid = uid_in(parsed, DCM_TransactionUID);
  for_each_item(parsed, DCM_ReferencedSOPSequence, [&](DcmItem& item) {
    report.committed.push_back(uid_in(item, DCM_ReferencedSOPInstanceUID));
  });
  for_each_item(parsed, DCM_FailedSOPSequence, [&](DcmItem& item) {
    Uint16 reason = 0x0110;  // processing failure, where none is given
    item.findAndGetUint16(DCM_FailureReason, reason);
    report.failed.push_back({uid_in(item, DCM_ReferencedSOPInstanceUID), reason});
  });
  return report;
}

}  // namespace metserve::dicom
