#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "dicom/tls.h"

namespace metserve::dicom {

struct Peer {
  std::string host;
  std::uint16_t port = 104;
  std::string called_ae_title;
  std::string calling_ae_title = "METSERVE";
  std::chrono::seconds connect_timeout{10};
  std::chrono::seconds response_timeout{60};
  std::optional<TlsOptions> tls{};  ///< its files are read for each association; empty: without TLS
};

/// What names an object to a peer.
struct SopReference {
  std::string sop_class_uid, sop_instance_uid;
};

struct SendResult {
  enum class Outcome {
    delivered,  ///< success or a warning: the peer has the object
    transient,  ///< out of resources, aborted, no connection: try again
    permanent,  ///< refused for good, by association rejection, presentation context or status
  };
  std::filesystem::path file;
  std::string sop_instance_uid;
  Outcome outcome = Outcome::transient;
  std::uint16_t status = 0;  ///< DIMSE status where there was a response
  std::string reason;        ///< one line; of a delivered object what the peer warned of, or empty
  bool reached = false;      ///< there was an association, so that the failure may be this object's
  bool unanswered = false;   ///< sending it began and no answer came: the peer may have it
  std::string comment{};     ///< what the peer adds in words; it may name a patient, so no log has it
};

/// Sends the files over one association (PS3.4 annex B), each in its own transfer syntax. One result per
/// file, in order; nothing is thrown for what a peer does. When `stop` asks for it ends between files, with
/// results for those before. Throws Error(io) for a file that cannot be read.
std::vector<SendResult> send_instances(const Peer& peer, const std::vector<std::filesystem::path>& files,
                                       const std::stop_token& stop = {});

/// Throws Error(io) for a file that cannot be read, Error(bad_input) for one that is no DICOM object.
SopReference sop_reference(const std::filesystem::path& file);

/// C-ECHO (PS3.4 annex A). Throws Error(peer_transient or peer_permanent) with the peer's reason.
void verify_peer(const Peer& peer);

}  // namespace metserve::dicom
