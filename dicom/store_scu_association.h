#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>

#include "dicom/presentation_contexts.h"
#include "dicom/store_scu.h"
#include "dicom/transport.h"

namespace metserve::dicom {

/// A file's identity on the wire, from its header.
struct OutgoingFile {
  std::filesystem::path path;
  ProposedContext context;
  std::string sop_instance_uid;
};

/// Throws Error(io) for a file that cannot be read, Error(bad_input) for one that is no DICOM object.
OutgoingFile read_outgoing_file(const std::filesystem::path& path);

/// An association that we requested. Constructed means accepted; released (or, after a failure, aborted) on
/// destruction. Not thread-safe.
class OutgoingAssociation {
 public:
  /// Throws Error(peer_transient) when the peer cannot be reached or rejects for now, Error(peer_permanent)
  /// when it rejects for good, Error(bad_input) for an address or AE title that DICOM cannot express.
  OutgoingAssociation(const Peer& peer, const std::vector<ProposedContext>& contexts);
  ~OutgoingAssociation();
  OutgoingAssociation(const OutgoingAssociation&) = delete;
  OutgoingAssociation& operator=(const OutgoingAssociation&) = delete;

  /// C-STORE. Throws Error(peer_transient) when the association broke under it; then it is of no more use.
  SendResult store(const OutgoingFile& file);

  /// N-ACTION (PS3.7 section 10.1.4) on an instance; returns the status. Throws Error(peer_permanent) when
  /// its SOP class was not accepted, else like `store`.
  std::uint16_t action(const SopReference& instance, std::uint16_t type, DcmDataset& information);

  /// C-ECHO; returns the status. Throws like `store`.
  std::uint16_t echo();

 private:
  std::optional<std::uint8_t> accepted_context(const OutgoingFile& file) const;
  std::uint8_t accepted_context(const std::string& sop_class_uid) const;
  [[noreturn]] void fail(const std::string& what, const OFCondition& condition);

  std::string peer_name_;
  int response_timeout_s_;
  ConnectionClock clock_;
  TimedTransportLayer layer_;
  Network network_;
  Association association_;
  bool broken_ = false;
};

}  // namespace metserve::dicom
