// Package cache keeps values for a while.
package cache

import (
	"sync"
	"time"
)

// Entry is a value and when it goes stale.
type Entry struct {
	Value   string
	Expires time.Time
}

// Cache is safe for use by several goroutines.
type Cache struct {
	mu      sync.Mutex
	entries map[string]Entry
	ttl     time.Duration
}

// New makes an empty cache.
func New(ttl time.Duration) *Cache {
	return &Cache{entries: make(map[string]Entry), ttl: ttl}
}

// Get returns a value that has not gone stale.
func (c *Cache) Get(key string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.entries[key]
	if !ok || time.Now().After(entry.Expires) {
		return nil, false
	}
	return entry.Value, true
}

// Put stores a value.
func (c *Cache) Put(key, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[key] = Entry{Value: value, Expires: time.Now().Add(c.ttl)}
}

// Sweep drops what is stale and says how much that was.
func (c *Cache) Sweep() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	dropped := 0
	for key, entry := range c.entries {
		if time.Now().After(entry.Expires) {
			delete(c.entries, key)
			dropped++
		}
	}
	return dropped
}
