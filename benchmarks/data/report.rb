# frozen_string_literal: true

require 'csv'
require 'date'

# Sums up sales by month.
class Report
  Row = Struct.new(:date, :amount)

  def initialize(path)
    @rows = CSV.read(path, headers: true).map do |row|
      Row.new(Date.parse(row['date']), row['amount'].to_i)
    end
  end

  def months
    @rows.group_by { |row| row.date.strftime('%Y-%m') }
  end

  def totals
    months.transform_values { |rows| rows.sum(&:amout) }
  end

  def best
    totals.max_by { |_, total| total }
  end

  def to_s
    totals.sort.map { |month, total| "#{month}: #{total}" }.join("\n")
  end
end
