#include "trading/tradestore/survey.h"

#include "trading/tradestore/columns.h"

namespace quantum::tradestore {

namespace {

constexpr size_t kPage = 5000;
constexpr size_t kExamplesMax = 20;

// Of everything in the row but its number.
size_t DigestOf(const TradeRow& trade, int64_t rowid) {
  std::string text;
  for (const std::optional<std::string>& cell : trade) {
    text += cell ? *cell : "\x1e";  // neither is part of a text
    text += '\x1f';
  }
  const std::string number = kRowidInMetadata + std::to_string(rowid);
  if (const size_t at = text.rfind(number); at != std::string::npos) {
    text.erase(at, number.size());
  }
  return std::hash<std::string>()(text);
}

}  // namespace

Sorter::Sorted Sorter::Take(const LegacyRow& row) {
  Sorted sorted{.converted = Convert(row, unknown_columns_, precisions_)};
  if (!sorted.converted.trade) {
    return sorted;
  }
  const TradeRow& trade = *sorted.converted.trade;
  const size_t digest = DigestOf(trade, row.rowid);
  const auto [known, fresh] = digests_.emplace(*trade.front(), digest);
  if (!fresh && known->second != digest) {
    sorted.converted.reasons.push_back("trade_id: stands there before, with other contents");
    sorted.converted.trade.reset();
    return sorted;
  }
  sorted.sort = fresh ? Sort::kGood : Sort::kRepeated;
  return sorted;
}

Result<Survey> Look(LegacyFile& file, const Precisions& precisions,
                    const std::function<void(int64_t, int64_t)>& on_progress) {
  Survey survey{.unknown_columns = file.unknown_columns()};
  QUANTUM_TRY(const int64_t total, file.Count());
  Sorter sorter(file.unknown_columns(), precisions);
  int64_t after = kBeforeTheFirst;
  while (true) {
    QUANTUM_TRY(const std::vector<LegacyRow> rows, file.Read(after, kPage));
    if (rows.empty()) {
      return survey;
    }
    for (const LegacyRow& row : rows) {
      const Sorter::Sorted sorted = sorter.Take(row);
      ++survey.rows;
      survey.good += sorted.sort == Sorter::Sort::kGood ? 1 : 0;
      survey.repeated += sorted.sort == Sorter::Sort::kRepeated ? 1 : 0;
      if (sorted.sort != Sorter::Sort::kOdd) {
        continue;
      }
      ++survey.odd;
      for (const std::string& reason : sorted.converted.reasons) {
        ++survey.reasons[reason.substr(0, reason.find(':'))];
      }
      if (survey.examples.size() < kExamplesMax) {
        survey.examples.push_back(
            {.rowid = row.rowid, .trade_id = sqlite::ToText(row.cells.front()), .reasons = sorted.converted.reasons});
      }
    }
    after = rows.back().rowid;
    on_progress(survey.rows, total);
  }
}

}  // namespace quantum::tradestore
