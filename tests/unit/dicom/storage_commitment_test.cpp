#include "dicom/storage_commitment.h"

#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>
#include <dcmtk/dcmnet/scu.h>

#include "dicom/error.h"
#include "dicom/store_scp.h"
#include "dicom/store_status.h"
#include "tests/catch.h"
#include "tests/unit/dicom/collecting_scp.h"
#include "tests/unit/dicom/image_fixtures.h"
#include "tests/unit/dicom/peer_programs.h"

namespace metserve::dicom {
namespace {

using namespace test;
using Outcome = SendResult::Outcome;

/// An archive that reports on a transaction, as DCMTK's SCU with the role of an SCP.
class Reporter : public DcmSCU {
 public:
  explicit Reporter(std::uint16_t port, T_ASC_SC_ROLE role = ASC_SC_ROLE_SCP) {
    setPeerHostName("127.0.0.1");
    setPeerPort(port);
    setPeerAETitle("METSERVE");
    setAETitle("ARCHIVE");
    OFList<OFString> syntaxes;
    syntaxes.push_back(UID_LittleEndianImplicitTransferSyntax);
    addPresentationContext(UID_StorageCommitmentPushModelSOPClass, syntaxes, role);
    initNetwork();
    accepted = negotiateAssociation().good();
  }
  ~Reporter() override {
    if (accepted) releaseAssociation();
  }

  /// The status that is answered.
  std::uint16_t report(DcmDataset& information) {
    constexpr T_ASC_PresentationContextID context = 1;  // the only one
    Uint16 status = 0xffff;
    sendEVENTREPORTRequest(context, UID_StorageCommitmentPushModelSOPInstance, 2, &information, status);
    return status;
  }
  bool accepted = false;
};

DcmDataset report_of_two() {
  DcmDataset dataset;
  dataset.putAndInsertString(DCM_TransactionUID, "2.25.7");
  const auto add = [&](const DcmTagKey& sequence, const char* uid) {
    DcmItem* item = nullptr;
    dataset.findOrCreateSequenceItem(sequence, item, -2);
    item->putAndInsertString(DCM_ReferencedSOPClassUID, UID_SegmentationStorage);
    item->putAndInsertString(DCM_ReferencedSOPInstanceUID, uid);
    return item;
  };
  add(DCM_ReferencedSOPSequence, "1.2.1");
  add(DCM_FailedSOPSequence, "1.2.2")->putAndInsertUint16(DCM_FailureReason, 0x0112);
  return dataset;
}

StoreStatus no_images(ReceivedInstance&&) {
  return StoreStatus::cannot_understand;
}

TEST_CASE("A report on storage commitment reaches its handler, and is answered as that says",
          "[dicom][commitment]") {
  std::vector<CommitmentReport> reports;
  const StoreScp scp(on_free_port(), no_images, [&](const CommitmentReport& report) {
    reports.push_back(report);
    return reports.size() == 1;
  });
  DcmDataset dataset = report_of_two();
  Reporter archive(scp.port());
  REQUIRE(archive.accepted);
  CHECK(archive.report(dataset) == 0x0000);
  CHECK(archive.report(dataset) == 0x0112);
  REQUIRE(reports.size() == 2);
  CHECK(reports[0].calling_ae_title == "ARCHIVE");
  CHECK(reports[0].transaction_uid == "2.25.7");
  CHECK(reports[0].committed == std::vector<std::string>{"1.2.1"});
  REQUIRE(reports[0].failed.size() == 1);
  CHECK(reports[0].failed[0].sop_instance_uid == "1.2.2");
  CHECK(reports[0].failed[0].reason == 0x0112);
}

TEST_CASE("A report that is none is a processing failure", "[dicom][commitment]") {
  const StoreScp scp(on_free_port(), no_images, [](const CommitmentReport&) { return true; });
  Reporter archive(scp.port());
  DcmDataset without_transaction;
  without_transaction.putAndInsertString(DCM_PatientComments, "nothing");
  CHECK(archive.report(without_transaction) == 0x0110);
}

TEST_CASE("Storage commitment is accepted from those who report, where reports are expected",
          "[dicom][commitment]") {
  const auto handler = [](const CommitmentReport&) { return true; };
  const StoreScp scp(on_free_port(), no_images, handler);
  CHECK(Reporter(scp.port()).accepted);
  CHECK_FALSE(Reporter(scp.port(), ASC_SC_ROLE_DEFAULT).accepted);  // it wants us to commit ourselves
  const StoreScp expects_none(on_free_port(), no_images);
  CHECK_FALSE(Reporter(expects_none.port()).accepted);
}

TEST_CASE("A node without storage commitment refuses it for good", "[dicom][commitment][peers]") {
  const TemporaryDirectory directory;
  const StoreScpProgram storescp(directory.path() / "received", {});
  Peer peer;
  peer.host = "127.0.0.1";
  peer.port = storescp.port();
  peer.called_ae_title = "ANY";
  try {
    request_commitment(peer, "2.25.8", {{UID_SegmentationStorage, "1.2.1"}});
    FAIL("it was accepted");
  } catch (const Error& error) {
    CHECK(error.kind() == Error::Kind::peer_permanent);
    CHECK_THAT(error.what(), ContainsSubstring("StorageCommitmentPushModel"));
  }
}

TEST_CASE("Statuses mean what the standard's tables say", "[dicom][scu]") {
  for (const std::uint16_t status : {0x0000, 0x0001, 0x0107, 0x0111, 0x0116, 0xb000, 0xb006, 0xb007})
    CHECK(outcome_of(status) == Outcome::delivered);
  for (const std::uint16_t status : {0xa700, 0xa7ff, 0x0110, 0x0213, 0xfe00})
    CHECK(outcome_of(status) == Outcome::transient);
  for (const std::uint16_t status : {0xa900, 0xa800, 0xc000, 0xc122, 0x0122, 0x0124, 0x0117, 0x0210, 0x0212})
    CHECK(outcome_of(status) == Outcome::permanent);
  CHECK(text_of(0xa700).starts_with("0xA700 ("));
}

}  // namespace
}  // namespace metserve::dicom
