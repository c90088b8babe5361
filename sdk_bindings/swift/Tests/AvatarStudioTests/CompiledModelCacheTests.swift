import Foundation
import XCTest

@testable import AvatarStudio

/// The cache of compiled models works.
///
/// A fake replaces Core ML's compiler.
final class CompiledModelCacheTests: XCTestCase {
  private var root = URL(fileURLWithPath: "/nowhere")
  private let digest = String(repeating: "a", count: 64)
  private let files = FileManager.default

  override func setUpWithError() throws {
    root = files.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  }

  override func tearDownWithError() throws { try? files.removeItem(at: root) }

  private var cache: CompiledModelCache { CompiledModelCache(root: root, digest: digest) }

  /// Returns a folder of files in another place, as a compiler does.
  private func compiled(_ text: String = "compiled", bytes: Int = 0) throws -> URL {
    let folder = files.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try files.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: folder.appendingPathComponent("model.mil"))
    try Data(count: bytes).write(to: folder.appendingPathComponent("weights"))
    return folder
  }

  private func text(_ model: URL) throws -> String {
    String(
      decoding: try Data(contentsOf: model.appendingPathComponent("model.mil")), as: UTF8.self)
  }

  func testItCompilesOnceAndAgainAfterForgetting() async throws {
    let calls = Calls()
    for round in 0..<2 {
      for _ in 0..<2 {
        let model = try await cache.model("decoder") {
          calls.add("compiled")
          return try self.compiled()
        }
        XCTAssertEqual(try text(model), "compiled")
        XCTAssertEqual(model.lastPathComponent, "decoder.mlmodelc")
      }
      XCTAssertEqual(calls.names.count, round + 1)
      cache.forget("decoder")
    }
  }

  func testNothingElseIsLeft() async throws {
    let temporary = Set(try files.contentsOfDirectory(atPath: files.temporaryDirectory.path))
    _ = try await cache.model("decoder") { try self.compiled() }
    XCTAssertEqual(
      try files.contentsOfDirectory(atPath: root.appendingPathComponent(digest).path),
      ["decoder.mlmodelc"])
    let now = try files.contentsOfDirectory(atPath: files.temporaryDirectory.path)
    XCTAssertEqual(Set(now).subtracting(temporary), [root.lastPathComponent])
  }

  func testModelsOfOtherVersionsAreRemovedAndForeignFilesAreNot() async throws {
    let old = String(repeating: "b", count: 64)
    for name in [old, "mine"] {
      try files.createDirectory(
        at: root.appendingPathComponent(name), withIntermediateDirectories: true)
    }
    _ = try await cache.model("decoder") { try self.compiled() }
    XCTAssertEqual(Set(try files.contentsOfDirectory(atPath: root.path)), [digest, "mine"])
  }

  func testWhatAFailingCompilerSaysIsPassedOn() async throws {
    struct Failure: Error {}
    let error = await thrown { try await self.cache.model("decoder") { throw Failure() } }
    guard case .runtimeFailed("Core ML", _) = error else { return XCTFail("\(error as Any)") }
    XCTAssertFalse(files.fileExists(atPath: root.path))
  }

  func testErrorsOfAFullDiskAreRecognised() {
    let posix = NSError(domain: NSPOSIXErrorDomain, code: Int(ENOSPC))
    let cocoa = NSError(domain: NSCocoaErrorDomain, code: CocoaError.fileWriteOutOfSpace.rawValue)
    let deep = NSError(
      domain: "com.apple.CoreML", code: 0,
      userInfo: [
        NSUnderlyingErrorKey: NSError(
          domain: "x", code: 1, userInfo: [NSUnderlyingErrorKey: posix])
      ])
    for error in [posix, cocoa, deep] {
      XCTAssertEqual(CompiledModelCache.failure(error), .storageFull)
    }
    XCTAssertEqual(CompiledModelCache.failure(CancellationError()), .cancelled)
    guard case .runtimeFailed = CompiledModelCache.failure(NSError(domain: "x", code: 28)) else {
      return XCTFail("any error counts as a full disk")
    }
  }

  /// A full disk gives a typed error. The test mounts a disk of 256 KB, which needs root.
  func testAFullDisk() async throws {
    #if os(Linux)
      try files.createDirectory(at: root, withIntermediateDirectories: true)
      guard mount("tmpfs", root.path, "tmpfs", 0, "size=256k") == 0 else {
        throw XCTSkip("no right to mount a small disk")
      }
      defer { umount(root.path) }
      let error = await thrown {
        try await self.cache.model("decoder") { try self.compiled(bytes: 1 << 20) }
      }
      XCTAssertEqual(error, .storageFull)
      let left = try files.contentsOfDirectory(atPath: root.appendingPathComponent(digest).path)
      XCTAssertEqual(left, [], "half a model is left")
      let model = try await cache.model("decoder") { try self.compiled() }
      XCTAssertEqual(try text(model), "compiled", "it does not recover")
    #else
      throw XCTSkip("small disks are mounted on Linux only")
    #endif
  }
}
