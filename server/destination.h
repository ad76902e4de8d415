#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "dicom/store_scu.h"
#include "server/config.h"

namespace metserve::server {

/// Where results go, as a delivery sees it. Thread safety: one thread at a time.
class Destination {
 public:
  virtual ~Destination() = default;

  /// One result per file, in order; nothing is thrown for what the other side does. Ends between files, with
  /// results for those before, when `stop` asks for it. Throws dicom::Error(io) for a file of ours that
  /// cannot be read.
  virtual std::vector<dicom::SendResult> send(const std::vector<std::filesystem::path>& files,
                                              const std::stop_token& stop) = 0;

  /// Asks it to commit itself to keep these objects. Throws dicom::Error(peer_transient or peer_permanent).
  virtual void request_commitment(const std::string& transaction_uid,
                                  const std::vector<dicom::SopReference>& instances) = 0;

  /// Whether it answers, without sending anything. Returns what to say of it, throws like
  /// `request_commitment`.
  virtual std::string verify() = 0;
};

/// A DICOM node, or a DICOMweb archive where there is a URL.
std::unique_ptr<Destination> make_destination(const DestinationConfig& config,
                                              const std::string& calling_ae_title);

}  // namespace metserve::server
