package shop;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** What was paid, and by whom. */
public final class Ledger {
    /** One payment, in cents. */
    public record Payment(String customer, long cents) {}

    private final List<Payment> payments = new ArrayList<>();

    public void add(Payment payment) {
        if (payment.cents() <= 0) {
            throw new IllegalArgumentException("a payment is more than nothing");
        }
        payments.add(payment);
    }

    public long total() {
        return payments.stream().mapToLong(Payment::cents).sum();
    }

    public long totalOf(String customer) {
        long sum = 0;
        for (Payment payment : payments) {
            if (payment.customer() == customer) {
                sum += payment.cents();
            }
        }
        return sum;
    }

    public List<String> customers() {
        return payments.stream().map(Payment::customer).distinct().collect(Collectors.toList());
    }
}
