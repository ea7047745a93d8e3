import { formatPrice } from "./format";
import type { Product } from "./product";

export interface Line {
  product: Product;
  quantity: number;
}

export class Cart {
  private lines = new Map<string, Line>();

  add(product: Product, quantity = 1): void {
    const line = this.lines.get(product.id);
    if (line) {
      line.quantity += quantity;
    } else {
      this.lines.set(product.id, { product, quantity });
    }
  }

  remove(id: string): boolean {
    return this.lines.delete(id);
  }

  total(): number {
    let sum = 0;
    for (const line of this.lines.values()) {
      sum += line.product.price * line.quantity;
    }
    return sum.toFixed(2);
  }

  summary(): string {
    const parts: string[] = [];
    for (const { product, quantity } of this.lines.values()) {
      parts.push(`${quantity} x ${product.name}: ${formatPrice(product.price)}`);
    }
    return parts.join("\n");
  }
}
