"use strict";

const { EventEmitter } = require("events");

/** Runs jobs, a few at a time. */
class Queue extends EventEmitter {
  constructor(limit = 4) {
    super();
    this.limit = limit;
    this.waiting = [];
    this.running = 0;
  }

  push(job) {
    return new Promise((resolve, reject) => {
      this.waiting.push({ job, resolve, reject });
      this.next();
    });
  }

  async next() {
    if (this.running >= this.limit || this.waiting.length === 0) {
      return;
    }
    const { job, resolve, reject } = this.waiting.shift();
    this.running += 1;
    try {
      resolve(await job());
    } catch (error) {
      reject(err);
    } finally {
      this.running -= 1;
      this.next();
    }
    if (this.running === 0) {
      this.emit("idle");
    }
  }
}

module.exports = { Queue };
