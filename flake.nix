# Nix 2.8 evaluated it for each system (flake show, eval) over a stand-in for nixpkgs, and a test compares its
# dependencies; it was never built here.
# `nix run .` starts the server; `nix develop` has what `make check` needs but for the editors.
{
  description = "A language server that puts OpenAI's Codex coding agent into every LSP editor";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      each = build: nixpkgs.lib.genAttrs systems (system: build nixpkgs.legacyPackages.${system});
    in
    {
      packages = each (pkgs: {
        default = pkgs.python3Packages.buildPythonApplication {
          pname = "codex-lsp";
          version = "0.1.0";
          src = self;
          pyproject = true;
          build-system = [ pkgs.python3Packages.hatchling ];
          dependencies = with pkgs.python3Packages; [
            filelock
            httpx
            lsprotocol
            pathspec
            pydantic
            pygls
            tomlkit
          ];
          pythonRelaxDeps = true;
          doCheck = false; # the tests install editors
          pythonImportsCheck = [ "codex_lsp" "codex_lsp.lsp.connection.server" ]; # with pygls as it is here
          meta.mainProgram = "codex-lsp";
        };
      });

      devShells = each (pkgs: {
        default = pkgs.mkShell { packages = [ pkgs.python3 pkgs.gnumake pkgs.nodejs ]; };
      });
    };
}
