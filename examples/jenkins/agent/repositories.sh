#!/bin/sh
# Makes the repositories that the example jobs build, and serves them to be read: repositories FOLDER CHECKOUT,
# and more arguments for `git daemon`.
# Those of the examples are made once and are yours from then on; the library follows the checkout at each start.
set -eu

cd "$1"
checkout=$2
shift 2
export GIT_AUTHOR_NAME=jenkins-ml GIT_AUTHOR_EMAIL=jenkins-ml@localhost
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL

for example in digits quickstart; do
  [ -d "$example.git" ] && continue
  work=$(mktemp -d)
  jenkins-ml init "$work" --example "$example"
  # The server that `serve.target: local` leaves lives on one machine.
  printf 'jenkins:\n  agent: {node: ml-1}\n' >>"$work/jenkins-ml.yaml"
  # In a new store nothing is in production: say that this is no accident.
  sed -i '/^gate:$/a\  first_release: allow' "$work/jenkins-ml.yaml"
  rm -f "$work/Jenkinsfile"
  jenkins-ml -C "$work" generate
  git -C "$work" init --quiet --initial-branch main
  git -C "$work" add --all
  git -C "$work" commit --quiet --message "The example $example"
  rm -rf "$example.new"
  git clone --quiet --bare "$work" "$example.new"
  mv "$example.new" "$example.git"
  rm -rf "$work"
done

version=$(jenkins-ml --version)
git init --quiet --bare jenkins-ml.git
git -C jenkins-ml.git fetch --quiet --force --prune "$checkout" '+HEAD:refs/heads/checkout' '+refs/tags/*:refs/tags/*'
# What is checked out is this version, even before it has the tag.
git -C jenkins-ml.git rev-parse --verify --quiet "refs/tags/v${version##* }" >/dev/null ||
  git -C jenkins-ml.git tag "v${version##* }" checkout

exec git daemon --verbose --reuseaddr --export-all --base-path="$PWD" "$@" "$PWD"
