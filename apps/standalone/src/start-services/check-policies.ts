import { readPolicyFolder } from '@countersign/policy'
import { loadPolicySet } from '@countersign/policy-engine'

/**
 * Number of rules in the policy folder. Throws with every problem by file and line when it does not load: without a policy
 * set nothing would ever be decided.
 */
export const checkPolicies = async (folder: string): Promise<number> => {
  const loaded = loadPolicySet(await readPolicyFolder(folder))
  if (loaded.ok) return loaded.set.rules.size
  const problems = loaded.problems.map(({ file, line, rule, message }) =>
    [file, line, rule === undefined ? undefined : `rule ${rule}`]
      .filter((part) => part !== undefined)
      .join(':')
      .concat(` ${message}`),
  )
  throw new Error(`the policies in ${folder} do not load:\n  ${problems.join('\n  ')}`)
}
