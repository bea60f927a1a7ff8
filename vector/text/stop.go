package text

// stopWords are the words of English that say how a question is asked, and not what about.
//
// #nosec G101 -- words of questions, not anybody's secret
const stopWords = `
a an the this that these those
i me my we us our you your he him his she her it its they them their
am is are was were be been being do does did doing have has had having
can could shall should will would may might must
and or but if than then so because as while
of at by for with about into to from in on onto
what which who whom whose when where why how
there here not no any some all each both such only own same too very just
`
