import Foundation
import XCTest

@testable import AvatarStudio

/// A run notices its cancellation between network calls, throws a typed error and zeroes its memory.
final class CancellationTests: XCTestCase {
  func testAtEveryNetworkCall() async throws {
    for place in 0..<7 {
      let allocator = WatchedAllocator()
      let calls = Calls()
      let box = TaskBox()
      let studio = try await testStudio(
        .fake(
          { (name) throws(AvatarError) in
            calls.add(name)
            if calls.names.count == place + 1 { box.cancelAndWait() }
          }, allocator: allocator))
      let task = Task {
        await box.ready()
        _ = try await collect(
          studio.avatars(of: goodSelfies(1), style: .forTests, count: 2, seed: 1))
      }
      box.set(task)
      await assertThrows(.cancelled) { try await task.value }
      XCTAssertEqual(calls.names.count, place + 1, "a network ran after cancelling")
      XCTAssertEqual(allocator.counts.live, 0)
      XCTAssertEqual(allocator.counts.dirty, 0)
    }
  }

  func testBeforeAnythingRan() async throws {
    let calls = Calls()
    let studio = try await testStudio(.fake { (name) throws(AvatarError) in calls.add(name) })
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      _ = try await collect(studio.avatars(of: goodSelfies(1), style: .forTests))
    }
    await assertThrows(.cancelled) { try await task.value }
    XCTAssertEqual(calls.names, [])
  }

  func testCheckAndPrepare() async throws {
    let studio = try await testStudio()
    let check = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      _ = try await studio.check(goodSelfies(1))
    }
    await assertThrows(.cancelled) { try await check.value }
    let prepare = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try await studio.prepare()
    }
    await assertThrows(.cancelled) { try await prepare.value }
  }

  func testLeavingTheLoopStopsTheRun() async throws {
    let allocator = WatchedAllocator()
    let calls = Calls()
    let studio = try await testStudio(
      .fake({ (name) throws(AvatarError) in calls.add(name) }, allocator: allocator))
    for try await event in studio.avatars(of: goodSelfies(1), style: .forTests, count: 10_000) {
      if case .drawn = event { break }
    }
    for _ in 0..<2000 where allocator.counts.live > 0 {
      try await Task.sleep(nanoseconds: 1_000_000)
    }
    XCTAssertEqual(allocator.counts.live, 0)
    XCTAssertLessThan(calls.names.count, 30_000)
  }

  func testAnotherRunStillWorks() async throws {
    let studio = try await testStudio()
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      _ = try await collect(studio.avatars(of: goodSelfies(1), style: .forTests))
    }
    _ = await task.result
    let made = try await avatars(studio.avatars(of: goodSelfies(1), style: .forTests))
    XCTAssertEqual(made.count, 1)
  }
}

/// Holds a task, so that code inside of the task can cancel it.
private final class TaskBox: @unchecked Sendable {
  private let lock = NSLock()
  private var task: Task<Void, any Error>?
  func set(_ task: Task<Void, any Error>) { lock.withLock { self.task = task } }

  /// Cancels the task and waits until the task knows of it. The run calls this.
  func cancelAndWait() {
    lock.withLock { task }?.cancel()
    for _ in 0..<10_000 where !Task.isCancelled { usleep(1000) }
  }

  func ready() async {
    while lock.withLock({ task == nil }) { await Task.yield() }
  }
}
