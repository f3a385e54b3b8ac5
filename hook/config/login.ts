/** The fields of a login in the config; what is wrong with them is said in the same words wherever they stand. */
interface Login {
  username?: string | undefined;
  password?: string | undefined;
  dockerConfig?: string | undefined;
}

export const halfLogin = "username and password go together";
export const twoLogins = "has a username and a dockerConfig: keep one of them";

export function isWholeLogin({ username, password }: Login): boolean {
  return (username === undefined) === (password === undefined);
}

export function isOneLogin({ username, dockerConfig }: Login): boolean {
  return username === undefined || dockerConfig === undefined;
}
