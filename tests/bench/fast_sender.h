#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/unit/dicom/raw_peer.h"

namespace metserve::bench {

/// Sends one and the same image again and again over one association, under a new SOP Instance UID each time.
/// Everything is encoded beforehand, so that the receiver is what is measured.
class FastSender {
 public:
  /// `part10_dataset`: explicit VR little endian, MR Image Storage, holding `placeholder` as its UID.
  /// `number`: of this sender, 0..999; no two senders make the same UIDs. Throws std::runtime_error when the
  /// association is not accepted.
  FastSender(std::uint16_t port, const std::string& called_ae_title, const dicom::test::Bytes& dataset,
             int number);

  /// C-STORE, and waits for the answer; returns the seconds from the last byte sent until then. Throws
  /// std::runtime_error for any status but success.
  double store();
  void release();

  /// The SOP Instance UID that the dataset must carry: as long as those that replace it.
  static std::string placeholder();

 private:
  dicom::test::RawPeer peer_;
  dicom::test::Bytes message_;
  std::vector<std::size_t> uid_offsets_;  ///< where the UID's variable digits lie in the message
  int number_;
  int sent_ = 0;
};

}  // namespace metserve::bench
