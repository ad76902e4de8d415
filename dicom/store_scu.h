#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace metserve::dicom {

struct Peer {
  std::string host;
  std::uint16_t port = 104;
  std::string called_ae_title;
  std::string calling_ae_title = "METSERVE";
  std::chrono::seconds connect_timeout{10};
  std::chrono::seconds response_timeout{60};
};

struct SendResult {
  enum class Outcome {
    delivered,  ///< status 0x0000 or a warning (0xBxxx)
    transient,  ///< out of resources, aborted, no connection: try again
    permanent,  ///< refused for good, by association rejection, presentation context or status
  };
  std::filesystem::path file;
  std::string sop_instance_uid;
  Outcome outcome = Outcome::transient;
  std::uint16_t status = 0;  ///< DIMSE status where there was a response
  std::string reason;        ///< one line; empty when delivered
};

/// Sends the files over one association (PS3.4 annex B), each in its own transfer syntax. One result per
/// file, in order; nothing is thrown for what a peer does. Throws Error(io) for a file that cannot be read.
std::vector<SendResult> send_instances(const Peer& peer, const std::vector<std::filesystem::path>& files);

/// C-ECHO (PS3.4 annex A). Throws Error(peer_transient or peer_permanent) with the peer's reason.
void verify_peer(const Peer& peer);

}  // namespace metserve::dicom
