#pragma once

#include <libpq-fe.h>

#include <memory>
#include <utility>

#include "platform/postgres/pool.h"

namespace quantum::postgres {

// For this folder: libpq's result behind Rows.
class Rows::Impl {
 public:
  explicit Impl(std::shared_ptr<PGresult> owned) : result(std::move(owned)) {}
  std::shared_ptr<PGresult> result;
};

}  // namespace quantum::postgres
