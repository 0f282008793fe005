// Package detect finds out who builds an app.
//
// A Source is the app tree at one version. Expand makes an order flat, Detect
// asks its buildpacks, and Resolve, a pure function on their answers, picks the
// first group that can build together (CNB Buildpack API, "Phase #1: Detection"
// and "Order Resolution"). The result is a Plan: who builds, in what order, what
// each must provide, and why every other one does not.
//
// A detection that broke is a verdict of its own and is shown in the plan; it
// never reads as "another language".
//
// # Who is asked
//
// Group by group would leave processors idle, and everybody at once would run
// for nothing what a long order never needs. So as many as there are processors
// are asked at a time, in the order in which they stand, and the groups are
// resolved as the answers come in. When one passes, those that are still busy
// are given up. What they would have said does not show: the plan depends on
// the order and on the buildpacks, not on who was faster.
//
// Where nobody chose buildpacks for the app, Survey asks all of them, so that a
// person hears who else could build. Where classic buildpacks stand in a group,
// those behind them may say yes when these have built: Stage tells who builds now
// and who is to be asked later.
//
// # Where the specification leaves room
//
// The group that is chosen is that of the reference lifecycle (v0.21.0), which
// TestReference compares on thousands of random orders, with and without system
// buildpacks around their groups:
//
//   - Of system buildpacks a group gets those whose id it does not name itself;
//     what a composite in it names does not count. One that is also named after
//     that stands there twice, and the first counts. They are as optional as
//     they are called; the reference takes all for required.
//   - An optional buildpack that is not for the target is asked all the same,
//     and builds if it passes. Many name the distributions that they were
//     tested on and run on others too. Once a group required it in vain, it is
//     not asked in later groups.
//   - A buildpack for another execution environment is left out, even if it is
//     required; but a required one that is not for the target fails the group
//     first.
//
// Different from the reference, a composite that contains itself is an error
// that names the way (the reference recurses for ever), an order may expand to
// 10 000 groups of up to 500 buildpacks and no more, and build plans may make
// trials for a second of work and no more. A buildpack that the order names and
// that is not there is an error even where an earlier group passes.
//
// # Rules and the tests that show them
//
//	nested orders: depth first, left to right         TestExpand, TestReference
//	optional composites: also without                 TestExpand, TestReference
//	the same id twice in a group: the first counts    TestExpand, TestDetect "takes the first of an id", TestReference
//	an order that contains itself, or explodes        TestExpandCycle, TestExpandHostile
//	system buildpacks                                 TestSystem, TestReference; cnb.TestParseSystem
//	targets: wildcards, variants, distributions       buildpacks.TestTargetFits, TestReference
//	targets: what a required, an optional one gets    TestDetect "targets differ", TestReference
//	targets: read, inferred, from stacks              cnb.TestTargets
//	execution environments                            TestDetect "execution environments differ", cnb.TestExecEnvs, TestReference
//	bin/detect in parallel, once by id@version        TestDetect (each test), "asks nobody who comes later than needed"
//	alternatives: left to right, depth first          TestResolve "alternatives are tried", TestReference
//	optional: droppable at its last alternative       TestResolve "an optional member may be dropped", TestReference
//	requires without provides, unused provides        TestResolve, TestReference
//	dropping one may drop the next                    TestResolve "dropping one", TestReference
//	at least one buildpack passes, order preserved    TestResolve "a group of optional members", TestReference
//	plan entries sorted by name                       TestResolve, TestReference
//	what a buildpack is to meet at build              TestJobFor
//	image extensions before each group                TestReference; slugc itself takes none: fetch.TestFetch "says what a directory is instead"
//	extensions whose provides go unused               TestReference
//	exit statuses of bin/detect, its plan file        cnb.TestProbe
//	those behind a classic buildpack                  TestStage
//	several that could build                          TestSurvey
//
// golang.org/x/sync saves the counting of what runs at the same time, and
// x/sys/unix tells by nanoseconds and inodes what was copied before.
package detect
