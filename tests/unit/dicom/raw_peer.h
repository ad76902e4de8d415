#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace metserve::dicom::test {

using Bytes = std::vector<std::uint8_t>;

/// A peer that says exactly what it is told to, for what real programs never do. Reads give up after 60 s:
/// storescp serves one association after the other, and the benchmark's last one waits for all others.
class RawPeer {
 public:
  /// `from`: the address that it comes from, of this machine.
  explicit RawPeer(std::uint16_t port, const std::string& from = "127.0.0.1");
  ~RawPeer();
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  void send(std::span<const std::uint8_t> bytes);
  /// Type and body of the next PDU; nothing when the connection is closed or reset.
  std::optional<std::pair<std::uint8_t, Bytes>> receive_pdu();
  /// Waits for the other side to close; false when it has not within `limit`.
  bool is_closed_within(std::chrono::milliseconds limit);
  /// Proposes one presentation context, number 1; true when the association is accepted.
  bool associate(const std::string& sop_class_uid, const std::string& transfer_syntax_uid);
  /// C-STORE in presentation context 1; the status of the answer, or nothing when there was none.
  std::optional<std::uint16_t> store(const std::string& sop_class_uid, const std::string& sop_instance_uid,
                                     const Bytes& dataset);
  /// The status of the C-STORE response that comes next, or nothing when something else comes.
  std::optional<std::uint16_t> receive_store_status();

 private:
  bool receive(std::uint8_t* to, std::size_t bytes);
  int socket_;
};

Bytes associate_rq(const std::string& sop_class_uid, const std::string& transfer_syntax_uid,
                   const std::string& called_ae_title = "METSERVE");
Bytes p_data(const Bytes& fragment, bool command, bool last);
Bytes store_command(const std::string& sop_class_uid, const std::string& sop_instance_uid);

/// An element of explicit VR little endian with a 16-bit length, padded to even length.
Bytes element(std::uint16_t group, std::uint16_t number, const std::string& vr, std::string value);
Bytes operator+(Bytes left, const Bytes& right);

}  // namespace metserve::dicom::test
