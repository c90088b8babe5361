import Foundation
import XCTest

@testable import AvatarStudio

/// No run writes a file.
///
/// The tests watch the file system during runs.
final class FilesTests: XCTestCase {
  #if os(Linux)
    private let files = FileManager.default

    // A library could write to the temporary folder, the user's folder with its caches, the working
    // directory, and the model's folder.
    private func watched() throws -> [String] {
      let home = files.homeDirectoryForCurrentUser
      let places = [
        files.temporaryDirectory, home, home.appendingPathComponent(".cache"),
        URL(fileURLWithPath: "/var/tmp"), URL(fileURLWithPath: files.currentDirectoryPath),
        Place.artifact,
      ]
      return places.compactMap { $0?.path }.filter { files.fileExists(atPath: $0) }
    }

    func testTheWatcherSeesAFile() throws {
      let watcher = try Watcher(watched())
      let file = files.temporaryDirectory.appendingPathComponent(UUID().uuidString)
      try Data("selfie".utf8).write(to: file)
      try files.removeItem(at: file)
      XCTAssertTrue(watcher.changes().contains(file.lastPathComponent))
    }

    func testARunOfTheRealModelWritesNothing() async throws {
      let source = ModelSource.folder(try Place.requiredArtifact())
      let selfies = try (1...3).map {
        Selfie(try Data(contentsOf: Place.requiredGolden("selfies/selfie-\($0).png")))
      }
      let watcher = try Watcher(watched())
      let studio = try await AvatarStudio(
        source, options: StudioOptions(entitlement: .plus), manifest: .bundled.with(),
        memoryPressure: AsyncStream { $0.finish() })
      _ = try await studio.check(selfies)
      try await studio.prepare()
      let made = try await avatars(studio.avatars(of: selfies, style: .forTests, count: 2))
      XCTAssertFalse(try made.map { try $0.pngData() }.isEmpty)
      await studio.close()
      XCTAssertEqual(watcher.changes(), [])
    }
  #endif
}

#if os(Linux)
  /// Observes with inotify(7) which files are written in some folders.
  ///
  /// It does not see files in their subfolders.
  private final class Watcher {
    private let queue = inotify_init1(Int32(O_NONBLOCK))

    init(_ folders: [String]) throws {
      let mask = UInt32(IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_CLOSE_WRITE)
      for folder in folders {
        XCTAssertGreaterThanOrEqual(inotify_add_watch(queue, folder, mask), 0, folder)
      }
    }

    deinit { close(queue) }

    /// Returns the names of files that were created or written since the last call.
    func changes() -> Set<String> {
      var names = Set<String>()
      var bytes = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = read(queue, &bytes, bytes.count)
        guard count > 0 else { return names }
        var offset = 0
        while offset < count {
          let length = bytes[offset + 12..<offset + 16].reversed().reduce(0) { $0 << 8 | Int($1) }
          let name = bytes[offset + 16..<offset + 16 + length].prefix { $0 != 0 }
          names.insert(String(decoding: name, as: UTF8.self))
          offset += 16 + length
        }
      }
    }
  }
#endif
