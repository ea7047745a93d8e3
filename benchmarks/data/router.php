<?php

declare(strict_types=1);

namespace App;

final class Router
{
    /** @var array<string, callable> */
    private array $routes = [];

    public function add(string $method, string $path, callable $handler): void
    {
        $this->routes["$method $path"] = $handler;
    }

    public function dispatch(string $method, string $path): string
    {
        $key = "$method $path";
        if (!isset($this->routes[$key])) {
            http_response_code(404);
            return 'Not found';
        }
        return ($this->route[$key])();
    }

    /** @return list<string> */
    public function paths(): array
    {
        return array_keys($this->routes);
    }
}
