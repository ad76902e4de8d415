#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <sqlite3.h>

namespace metserve::server {

/// A prepared statement that is being run; gives it back, reset, when it goes.
class Query {
 public:
  template <class... Values>
  Query(sqlite3* database, sqlite3_stmt* statement, const Values&... values)
      : database_(database), statement_(statement) {
    [[maybe_unused]] int index = 0;
    (bind(++index, values), ...);
  }
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// True while there is a row. Throws Error(io) with SQLite's reason.
  bool step();
  /// For statements that return no rows: runs to the end and returns how many rows were changed.
  int run();

  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;

 private:
  void bind(int index, std::int64_t value);
  void bind(int index, double value);
  void bind(int index, std::string_view value);

  sqlite3* database_;
  sqlite3_stmt* statement_;
};

/// One SQLite connection with its prepared statements. Thread safety: none, the owner locks.
class Database {
 public:
  /// Opens or makes the file, in WAL mode with synchronous=FULL: a commit that returned survives a power cut.
  /// `patience`: how long a statement waits for another connection's lock before it throws
  /// Error(out_of_resources). Throws Error(io) that names the file.
  explicit Database(const std::filesystem::path& file,
                    std::chrono::milliseconds patience = std::chrono::seconds(10));

  void execute(const char* sql);

  /// `sql` must be a literal: the prepared statement is kept under its address.
  template <class... Values>
  Query query(const char* sql, const Values&... values) {
    return Query(handle_.get(), statement(sql), values...);
  }

  std::int64_t last_insert_id() const { return sqlite3_last_insert_rowid(handle_.get()); }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  sqlite3_stmt* statement(const char* sql);

  std::unique_ptr<sqlite3, Close> handle_;
  std::map<const char*, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
};

/// Everything between construction and `commit` happens or nothing does.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace metserve::server
