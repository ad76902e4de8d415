#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "dicom/buffer_budget.h"
#include "dicom/peer_log.h"
#include "dicom/store_scp.h"
#include "dicom/transport.h"

namespace metserve::dicom {

/// A connection whose A-ASSOCIATE-RQ has been read completely.
struct IncomingConnection {
  FileDescriptor socket;
  ConnectionStart start;  ///< with the request
  std::string peer_address;
  std::uint64_t number = 0;  ///< of the association, from 1
};

struct StoreScpTallies {
  std::atomic<std::uint64_t> accepted{0}, rejected{0}, open{0}, instances{0}, bytes{0}, refused{0};
};

/// What all associations of a server share.
struct StoreScpContext {
  const StoreScpOptions& options;
  const StoreHandler& handler;
  const CommitmentHandler& on_commitment;  ///< may be empty
  StoreScpTallies& tallies;
  BufferBudget& buffers;
  PeerLog& log;          ///< what becomes of connections and associations
  PeerLog& refusal_log;  ///< images that are refused
  int stop_event = -1;   ///< eventfd, readable when the server stops
};

/// Serves one association from its request to its end. Never throws: what goes wrong ends the association
/// and is logged in one line.
void serve_association(IncomingConnection connection, const StoreScpContext& context);

}  // namespace metserve::dicom
