#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/store_scu.h"

namespace metserve::dicom {

/// Asks the peer to commit itself to keep these instances: N-ACTION of the Storage Commitment Push Model
/// (PS3.4 annex J). Its report comes later, over an association that it opens (`StoreScp`).
/// `transaction_uid`: never used before. Throws Error(peer_transient or peer_permanent) with the peer's
/// reason.
void request_commitment(const Peer& peer, const std::string& transaction_uid,
                        const std::vector<SopReference>& instances);

/// An N-EVENT-REPORT of storage commitment (PS3.4 J.3.3).
struct CommitmentReport {
  struct Failure {
    std::string sop_instance_uid;
    std::uint16_t reason = 0;  ///< Failure Reason (0008,1197), PS3.3 C.14.1.1
  };
  std::string calling_ae_title, transaction_uid;
  std::vector<std::string> committed;  ///< SOP Instance UIDs
  std::vector<Failure> failed;
};

/// Called on a thread of the association; returns once the report is recorded. False: the transaction is not
/// known. What it throws is answered as a processing failure.
using CommitmentHandler = std::function<bool(const CommitmentReport&)>;

/// From the report's dataset as it came. Throws Error(bad_input) when it is none.
CommitmentReport read_commitment_report(std::span<const std::uint8_t> dataset,
                                        std::string_view transfer_syntax_uid);

}  // namespace metserve::dicom
